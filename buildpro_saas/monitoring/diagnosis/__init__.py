"""Why a tenant's site is down or slow: all layers from the DNS to our own last changes, each with its evidence; the first that is wrong.

gathering.py asks all that there is to ask, side by side and within seconds. The other files are pure: facts in, Seen out.
"""
