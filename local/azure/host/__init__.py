"""Stands in for `func start`: loads a function app and fires its HTTP, feed, Service Bus and timer functions."""
