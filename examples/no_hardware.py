"""A script that cannot run here: its import is missing and it would move a real robot arm.

neuralpdb steps through it all the same, because nothing of it is executed.
"""

import robot_arm_driver


def plan(start, goal, step):
    path = []
    position = start
    while position < goal:
        position += step
        path.append(position)
    return path


def move(arm, path):
    done = 0
    for angle in path:
        arm.rotate(angle)
        done += 1
    return done


speed = 10
path = plan(0, 30, speed)
arm = robot_arm_driver.connect("/dev/ttyUSB0")
moved = move(arm, path)
print(moved)
