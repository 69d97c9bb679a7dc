"""Recording a real endpoint: the request in curl's words, the connection, the response as it arrives."""
