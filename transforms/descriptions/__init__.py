"""Descriptions: prompt a language model about a picture, and accept or refuse the sentences of its reply."""
