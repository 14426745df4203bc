"""From the desk's nouns to views: frozen values that say what a message shows, one class for each template.

Pure. Every choice is made here or below; every sentence stands in ``templates/slack``. Knows no Slack and no JSON.
"""
