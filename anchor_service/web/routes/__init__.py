"""The API's routes, one file a resource. They translate between HTTP and the pipeline, and keep nothing."""
