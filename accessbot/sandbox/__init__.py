"""A whole workspace on one machine: stand-ins for Slack, Google and AWS, and a page to click in."""
