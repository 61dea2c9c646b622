"""The commands of `clc-analytics`, one module each."""
