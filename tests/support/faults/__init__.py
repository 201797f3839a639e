"""What breaks between the services, and what is counted of it."""
