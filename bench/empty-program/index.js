// What an update costs before a program does anything: the bench compares ours with this one.
export {};
