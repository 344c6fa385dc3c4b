visit memory
