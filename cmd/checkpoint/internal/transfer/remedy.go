package transfer

// What repairs each part of what is stored for a key.
const (
	CheckpointRemedy = "`checkpoint set KEY POSITION` or `checkpoint delete KEY` repairs a checkpoint"
	FenceRemedy      = "`checkpoint fence KEY --at-least N` repairs a fence: N is the highest epoch that was in use"
	LeaseRemedy      = "stop its owner, then `checkpoint lease revoke KEY` repairs a lease"
	HistoryRemedy    = "no command repairs a history: remove the damaged audit entry or sample with the engine's own tool, as the engine's page in docs/ says"
)
