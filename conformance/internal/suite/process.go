package suite

// Tested is what the lane's processes are processes of, for cases that start one in
// their own way. The caller stops what it starts.
func (l *Lane) Tested() Subject { return l.subject }
