"""The sandbox's page: a person looks at both products and acts as anybody in them, through their own HTTP APIs."""
