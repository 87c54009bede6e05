"""Pictures of one examination: what burned-in times and the scene itself prove. Pure."""
