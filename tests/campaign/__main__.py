"""The command of the campaign; see docs/campaign.md."""

from tests.campaign.command import main

main()
