"""Images in, answers out: the upload gate, the predictor, its queue and Grad-CAM."""
