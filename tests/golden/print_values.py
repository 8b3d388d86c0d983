"""Prints what values.py was recorded with."""

from flowtrace._core import Trace

for call in Trace("flowtrace.flow").calls(function="show"):
    value = call.arguments["value"]
    print(f"{value.type_name:<12}{value.text}")
