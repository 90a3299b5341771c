"""The way of a line: read, decode, judge, dispatch, commit. Live and replay share all of it but the last step."""
