"""The public page: a process of its own with a policy of its own. Needs the extra `page`."""
