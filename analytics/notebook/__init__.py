"""The magic `%%clc` of Jupyter notebooks."""
