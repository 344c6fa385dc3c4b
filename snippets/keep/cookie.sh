visit cookie
