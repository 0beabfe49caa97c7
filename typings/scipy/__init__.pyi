# scipy brings no types: beside this file are those of the functions and arguments that we use.
