package slot

import (
	"fmt"

	"github.com/connectorhost/connectorhost/sdk"
)

// A ParkedError says that a call is not made any more because the connector died under
// it before. An operator can have it made again.
type ParkedError struct {
	Subject string // see [Flight]
}

// Error names the call and says what helps.
func (e *ParkedError) Error() string {
	return fmt.Sprintf("%s is parked: the connector died under it more than once; an operator can unpark it", e.Subject)
}

// Park refuses the calls with these subjects from now on, and no others.
func (s *Slot) Park(subjects []string) {
	if len(subjects) == 0 {
		s.parked.Store(nil)
		return
	}
	set := make(map[string]struct{}, len(subjects))
	for _, subject := range subjects {
		set[subject] = struct{}{}
	}
	s.parked.Store(&set)
}

// refuseParked returns the refusal of a call that is parked, and nil for any other.
func (s *Slot) refuseParked(f Flight) error {
	set := s.parked.Load()
	if set == nil {
		return nil
	}
	subject := f.name().Subject
	if _, parked := (*set)[subject]; !parked {
		return nil
	}
	return s.refusal(sdk.CodeCircuitOpen, &ParkedError{Subject: subject})
}
