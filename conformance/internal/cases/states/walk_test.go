package states

import (
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestShare(t *testing.T) {
	tests := map[string]struct {
		amount int64
		part   int
		want   int64
	}{
		"all":                 {2400, wholePart, 2400},
		"all of an odd one":   {2401, wholePart, 2401},
		"half":                {2400, 4, 1200},
		"too much":            {2400, tooMuch, 2401},
		"too much of nothing": {0, tooMuch, 1},
		"a part of one":       {1, 1, 1},
		"of the largest":      {1<<63 - 1, wholePart, 1<<63 - 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := share(tt.amount, tt.part); got != tt.want {
				t.Errorf("share(%d, %d) = %d, want %d", tt.amount, tt.part, got, tt.want)
			}
		})
	}
}

func TestPath(t *testing.T) {
	legal := []sdk.State{sdk.StateRequiresAction, "", sdk.StateAuthorized, sdk.StateAuthorized, sdk.StateCaptured}
	if err := path(legal); err != nil {
		t.Errorf("%v is refused: %v", legal, err)
	}
	for _, illegal := range [][]sdk.State{
		{sdk.StateCaptured, sdk.StateAuthorized},
		{sdk.StateAuthorized, "", sdk.StateRequiresAction},
		{sdk.StateVoided, sdk.StateCaptured},
		{sdk.StateDeclined, sdk.StateAuthorized},
	} {
		if path(illegal) == nil {
			t.Errorf("%v is taken for legal", illegal)
		}
	}
}
