"""A registry's whole log, and what held on a day of the past. Believes no event that its checkpoint does not prove."""
