"""What all reporters share: status targets that tell people or other servers of builds."""
