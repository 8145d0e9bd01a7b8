"""Pure decisions: values in, values out. No clock, socket, file, log or SQL."""
