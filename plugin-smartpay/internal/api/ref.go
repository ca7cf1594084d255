package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

// A Ref is a reference to another object, which Smartpay gives as an id or, where
// the answer is expanded, as the object itself. Value is nil when only the id came.
type Ref[T any] struct {
	ID    string
	Value *T
}

var errNotRef = errors.New("want an id or an object")

// UnmarshalJSON reads an id or an object. null leaves the Ref empty.
func (r *Ref[T]) UnmarshalJSON(text []byte) error {
	text = bytes.TrimSpace(text)
	switch {
	case bytes.Equal(text, []byte("null")):
		return nil
	case bytes.HasPrefix(text, []byte(`"`)):
		return json.Unmarshal(text, &r.ID)
	case !bytes.HasPrefix(text, []byte(`{`)):
		return errNotRef
	}
	var named struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(text, &named); err != nil {
		return err
	}
	value := new(T)
	if err := json.Unmarshal(text, value); err != nil {
		return err
	}
	r.ID, r.Value = named.ID, value
	return nil
}

// Millis is a time as Smartpay writes it: milliseconds since the Unix epoch. 0 means
// that it did not say.
type Millis int64

// Time returns the time, or the zero Time if Smartpay did not say.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}
