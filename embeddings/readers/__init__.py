"""Files of documents, read as a stream of rows; plain Python."""
