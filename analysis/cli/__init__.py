"""What a verb of the command line says: answers, options made from parameters, progress."""
