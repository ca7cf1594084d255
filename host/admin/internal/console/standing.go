package console

import (
	"github.com/connectorhost/connectorhost/host/admin/internal/story"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// A standing is how a release stands with what the host asks of certificates.
type standing struct {
	certificate.Judgement
	Tone     story.Tone
	Word     string
	Withheld []string // in words
}

func standingOf(j certificate.Judgement) standing {
	s := standing{Judgement: j, Tone: story.Good, Word: "certified"}
	switch {
	case j.Mode == certificate.Off:
		s.Tone, s.Word = story.Off, "not looked at"
	case !j.Admitted:
		s.Tone, s.Word = story.Bad, "refused"
	case len(j.Findings) > 0:
		s.Tone, s.Word = story.Wait, "not certified"
	}
	for _, name := range j.Withheld {
		s.Withheld = append(s.Withheld, story.Words(name))
	}
	return s
}
