"""The dashboard's entry: which pages there are. `clc-analytics dashboard` starts it."""

from importlib.resources import files

import streamlit as st

from analytics.pages.activity import page as activity
from analytics.pages.alerts import page as alerts
from analytics.pages.audit import page as audit
from analytics.pages.entity import page as entity
from analytics.pages.health import page as health
from analytics.pages.notifications import page as notifications
from analytics.pages.set_up import page as set_up
from analytics.pages.sql import page as sql

st.set_page_config(page_title="CLC webhooks", page_icon=str(files("analytics.pages") / "icon.svg"), layout="wide")
# Streamlit serves the first page at the root alone; the address that one would guess leads there too.
first = st.Page(activity.show, title="Activity", icon=":material/monitoring:", url_path="first", default=True)
st.navigation(
    [
        first,
        st.Page(
            lambda: st.switch_page(first, query_params=st.query_params.to_dict()),
            title="Activity",
            url_path="activity",
            visibility="hidden",
        ),
        st.Page(notifications.show, title="Notifications", icon=":material/list_alt:", url_path="notifications"),
        st.Page(alerts.show, title="Alerts", icon=":material/alarm_on:", url_path="alerts"),
        st.Page(audit.show, title="Audit", icon=":material/policy:", url_path="audit"),
        st.Page(entity.show, title="Entity", icon=":material/badge:", url_path="entity"),
        st.Page(sql.show, title="SQL", icon=":material/terminal:", url_path="sql"),
        st.Page(health.show, title="Health", icon=":material/ecg_heart:", url_path="health"),
        st.Page(set_up.show, title="Set up", icon=":material/settings_input_component:", url_path="set-up"),
    ],
    position="top",
).run()
