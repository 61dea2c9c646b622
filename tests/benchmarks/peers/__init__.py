"""What its users might write instead: small programs that listen on the port they are given."""
