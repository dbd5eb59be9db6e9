"""The code that touches a bench: disk, MariaDB, processes. It takes and returns plain data and knows no doctype of ours."""
