"""How things are shown: pictures of an exchange, tables, and errors that are sentences. Imports nothing of ours."""
