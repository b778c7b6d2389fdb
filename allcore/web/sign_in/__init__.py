"""Sign-in, registration, CAPTCHA and single sign-on."""
