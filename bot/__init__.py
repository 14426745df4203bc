"""All that people touch: Slack, the command line, the pages, the stand-in. Judgement and storage live in ``engine``."""
