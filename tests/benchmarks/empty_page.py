"""The page that Streamlit draws fastest: what any page of ours is measured beside."""

import streamlit as st

st.text("Nothing but this.")
