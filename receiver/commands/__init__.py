"""The commands of `clc-receiver`, one module each."""
