"""The commands of `clc-analytics`, a module each."""
