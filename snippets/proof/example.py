print("Change one letter, and the mark is gone.")
