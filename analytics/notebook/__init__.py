"""The magic `%%clc` of Jupyter notebooks, and charts that are drawn without a network."""
