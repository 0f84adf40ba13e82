"""The web app. It knows the contract in graphql-schema and nothing else of the server."""
