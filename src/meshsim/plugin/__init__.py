"""What pytest sees of meshsim.

options     the command line and the ini file -> Settings
hooks       pytest's hooks
fixtures    mesh, mesh_factory, mesh_scenario
items       a scenario file as a collector, a run of it as a test item
phases      whose clocks are virtual while: a test's and a fixture's code, not the runner's
progress    a line that says how far a long run is
summary     what the end of a session says of its runs
"""
