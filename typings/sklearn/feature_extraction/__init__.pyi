# sklearn.feature_extraction brings no types: beside this file are those of what we use.
