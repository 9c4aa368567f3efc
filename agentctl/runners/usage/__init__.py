"""What a program's own records say of the tokens and the money that its turns took: rules as data, and little code."""
