"""Tests of the commands of clc-analytics."""
