"""What is said on the wire: bodies of requests and answers, a module for each noun.

These modules know the words of the API. They do not know what follows from a request.
"""
