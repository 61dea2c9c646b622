"""The pages of the dashboard: the only modules, with app_dashboard, that import Streamlit."""
