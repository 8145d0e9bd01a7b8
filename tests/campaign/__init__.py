"""The fault campaign: seeded lives of the real engine on a real PostgreSQL, with everything going wrong that can.

Run it as a script: `python -m tests.campaign --seeds 20`; docs/campaign.md explains it.
"""
