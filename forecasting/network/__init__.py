"""The Keras side: building, training and running one plain recurrent network."""
