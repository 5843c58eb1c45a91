"""Subscriptions: saved queries of people, and telling them when a result changes.

A query that somebody saves is *watched*: after each scan its result in each repository is compared with the
last one, and what came and went is written down with the new result, in one transaction. From there it goes
to the subscriptions that ask that query, as a *telling*, and from a telling on its way by each channel, as a
*delivery*. Each step begins with what the step before has committed, so that nothing is lost in between.
"""
